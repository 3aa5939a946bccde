"""The tax that an order carries. The owner approves every change here."""

PERCENT = 19
