import unittest

from shop.server import answer


class Server(unittest.TestCase):
    def test_a_price_is_quoted(self):
        status, body = answer("/price?sku=book&qty=2")
        self.assertEqual((status, body["net_cents"]), (200, 4800))

    def test_a_bad_quantity_is_refused(self):
        self.assertEqual(answer("/price?sku=book&qty=two")[0], 400)

    def test_promises_are_shown(self):
        self.assertIn("100 or more of pen: 5 % off", answer("/prices")[1]["discounts"])

    def test_an_unknown_page_is_not_found(self):
        self.assertEqual(answer("/basket")[0], 404)
