"""What we sell, and the price of one in cents."""

PRICES = {
    "bag": 3900,
    "book": 2400,
    "cap": 1800,
    "clock": 5200,
    "kite": 2900,
    "lamp": 7500,
    "mug": 1200,
    "pen": 300,
}
