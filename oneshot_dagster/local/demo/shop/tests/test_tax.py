import unittest

from shop.pricing import quote


class Tax(unittest.TestCase):
    def test_the_rate(self):
        self.assertEqual(quote("lamp", 1)["tax_percent"], 19)
