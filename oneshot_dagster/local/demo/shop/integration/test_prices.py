import unittest

from deployed import price


class Prices(unittest.TestCase):
    def test_one_book_costs_what_the_catalogue_says(self):
        self.assertEqual(price("book", 1)["net_cents"], 2400)

    def test_a_hundred_pens_are_cheaper(self):
        self.assertEqual(price("pen", 100)["percent_off"], 5)
