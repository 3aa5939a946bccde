"""100 or more of pen: 5 % off"""

from shop.tier import Tier

TIER = Tier(sku="pen", over=99, percent=5)
