import unittest

from shop.pricing import BadOrder, percent_off, quote


class Pricing(unittest.TestCase):
    def test_one_costs_what_the_catalogue_says(self):
        self.assertEqual(quote("lamp", 1)["net_cents"], 7500)

    def test_a_hundred_pens_are_cheaper(self):
        self.assertEqual(percent_off("pen", 99), 0)
        self.assertEqual(quote("pen", 100)["net_cents"], 28500)

    def test_an_unknown_item_is_refused(self):
        with self.assertRaises(BadOrder):
            quote("yacht", 1)

    def test_nothing_is_not_an_order(self):
        with self.assertRaises(BadOrder):
            quote("mug", 0)
