"""The partitions of every asset: one a change, added as changes are taken in."""

from dagster import DynamicPartitionsDefinition

CHANGES = "change"
changes = DynamicPartitionsDefinition(name=CHANGES)
