"""The tables as data, as a deployment relies on them."""

from workflow.tables import INSPECTIONS, TABLES, Index


def test_every_table_has_a_name_and_a_setting_of_its_own() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)
    assert len({table.variable for table in TABLES}) == len(TABLES)


def test_keys_are_a_partition_and_at_most_a_sort_attribute() -> None:
    keys = [key for table in TABLES for key in (table.key, *(index.key for index in table.indexes))]

    assert all(1 <= len(key) <= 2 for key in keys)


def test_a_table_lists_the_attributes_of_all_its_keys_once() -> None:
    assert set(INSPECTIONS.key_attributes) >= {"id", "state", "day", "name", "claimed_at"}
    assert len(set(INSPECTIONS.key_attributes)) == len(INSPECTIONS.key_attributes)


def test_an_index_repeats_what_it_holds_besides_its_own_key() -> None:
    views = [Index("a", ("x",)), Index("b", ("x",), ()), Index("c", ("x",), ("x", "y"))]

    assert [view.projection_type for view in views] == ["ALL", "KEYS_ONLY", "INCLUDE"]
    assert [view.non_key_attributes for view in views] == [(), (), ("y",)]
