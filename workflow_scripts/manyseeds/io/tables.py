"""Tables with a schema: each row is one observation, and the schema describes every column.

A schema is the JSON Schema of a row (``manyseeds/schemas/tables``). Its properties are the columns in order.
A value may be missing if its type includes null: it is null if the column does not apply to the row.
Infinite values are null in columns with ``infinite_is_null``, such as a loss that has overflowed; others are refused.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from manyseeds.io.files import atomic_path, write_parquet

Schema = Mapping[str, Any]
Dtype = Literal["str", "Int64", "int64", "float64", "boolean", "bool"]

ACCEPTED = "accepted"
"""Outcome of an accepted attempt. `training.collapse` has all outcomes, but tables do not import the training."""

NULLABLE_DTYPES: dict[str, Dtype] = {"string": "str", "integer": "Int64", "number": "float64", "boolean": "boolean"}
"""Types of columns that may hold nulls, by JSON type. Unlike numpy's integers, these refuse a fraction."""

DTYPES: dict[str, Dtype] = {**NULLABLE_DTYPES, "integer": "int64", "boolean": "bool"}
"""Types of columns that may not hold nulls, by JSON type."""


def read_schema(path: Path | str) -> Schema:
    """Read the schema of a table."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def conform(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return a table with the columns, order and types of its schema.

    Raises
    ------
    ValueError
        If a column is missing or unknown, or a value is missing, of another type, or not allowed by the schema.
    """
    name, columns = schema["title"], schema["properties"]
    missing, unknown = (sorted(set(a) - set(b)) for a, b in ((columns, frame.columns), (frame.columns, columns)))
    if missing or unknown:
        raise ValueError(f"table {name}: missing columns {missing}, unknown columns {unknown}")
    return pd.DataFrame(
        {
            column: _conform_column(frame[column], values, f"table {name}, column {column}")
            for column, values in columns.items()
        }
    ).reset_index(drop=True)


def _conform_column(column: pd.Series, values: Schema, where: str) -> pd.Series:
    types = [values["type"]] if isinstance(values["type"], str) else values["type"]
    nullable = "null" in types
    if column.isna().any() and not nullable:
        raise ValueError(f"{where}: {column.isna().sum()} of {len(column)} values are missing")
    kind = next(kind for kind in types if kind != "null")
    try:
        column = column.astype(NULLABLE_DTYPES[kind])
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{where}: {problem}") from problem
    if kind == "number" and (infinite := np.isinf(column)).any():
        if not values.get("infinite_is_null"):
            raise ValueError(f"{where}: {infinite.sum()} of {len(column)} values are infinite")
        column = column.mask(infinite)
    _check_range(column.dropna(), values, where)
    return column if nullable else column.astype(DTYPES[kind])


def _check_range(column: pd.Series, values: Schema, where: str) -> None:
    allowed = values.get("enum")
    outside = (
        (~column.isin(allowed) if allowed else pd.Series(False, index=column.index))
        | (column < values["minimum"] if "minimum" in values else False)
        | (column > values["maximum"] if "maximum" in values else False)
    )
    if outside.any():
        raise ValueError(f"{where}: found {column[outside].iloc[0]!r}, which is outside the schema's range or choices")


def empty(schema: Schema) -> pd.DataFrame:
    """Return a table without rows."""
    return conform(pd.DataFrame(columns=list(schema["properties"]), dtype=object), schema)


def filled(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return rows with the columns of their table's schema, in its order.

    Columns that may be null are null where no row has them. A table without rows may lack any column.

    Raises
    ------
    ValueError
        If a column is unknown, or one that may not be null is missing.
    """
    columns = schema["properties"]
    return with_columns(rows, columns, schema["title"], [name for name in columns if "null" in columns[name]["type"]])


def with_columns(rows: pd.DataFrame, columns: Iterable[str], name: str, optional: Collection[str] = ()) -> pd.DataFrame:
    """Return rows with these columns in this order, as `filled` does for the table `name`.

    Parameters
    ----------
    optional
        Columns that are null where no row has them.
    """
    columns = list(columns)
    unknown = sorted({*rows.columns} - {*columns})
    missing = sorted({*columns} - {*rows.columns} - {*optional}) if len(rows) else []
    if missing or unknown:
        raise ValueError(f"table {name}: missing columns {missing}, unknown columns {unknown}")
    return rows.reindex(columns=columns)


def write_table(frame: pd.DataFrame, schema: Schema, parquet: Path | str, csv: Path | str | None = None) -> None:
    """Check a table against its schema, and write it as Parquet and, if a path is given, as CSV."""
    frame = conform(frame, schema)
    write_parquet(frame, parquet)
    if csv is not None:
        with atomic_path(csv) as path:
            frame.to_csv(path, index=False)


def join(parts: Iterable[Path | str], schema: Schema) -> pd.DataFrame:
    """Return the parts of a table as one table, in order; without parts, the table is empty."""
    frames: Sequence[pd.DataFrame] = [conform(pd.read_parquet(part), schema) for part in parts]
    return pd.concat(frames or [empty(schema)], ignore_index=True)


def gather(parts: Iterable[Path | str], schema: Schema, parquet: Path | str, csv: Path | str) -> None:
    """Join the parts of a table and write it."""
    write_table(join(parts, schema), schema, parquet, csv)


def with_attempts(instances: pd.DataFrame, attempts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Add the columns `attempts` (their number) and `collapsed` to a table of instances.

    Parameters
    ----------
    attempts
        Tables of attempts. If there are none, the training is not known and no instance counts as collapsed.
    """
    keys = ["architecture", "condition", "seed"]
    if not attempts:
        return instances.assign(attempts=pd.NA, collapsed=False)  # pyright: ignore[reportArgumentType] pandas-stubs
    outcomes = pd.concat(attempts).sort_values("attempt").groupby(keys)["outcome"]
    counts = pd.DataFrame({"attempts": outcomes.size(), "collapsed": outcomes.last() != ACCEPTED}).reset_index()
    return instances.merge(counts, how="left", on=keys, validate="one_to_one")


def accepted_seeds(seeds: Sequence[int], attempts: Sequence[pd.DataFrame]) -> list[int]:
    """Return the seeds of a group that did not collapse.

    Parameters
    ----------
    attempts
        Tables of attempts of the group's instances. If there are none, the training is not known and all seeds count.
    """
    if not attempts:
        return list(seeds)
    last = _last_attempts(attempts)
    return [seed for seed in seeds if last["outcome"][seed] == ACCEPTED]


def attempt_numbers(attempts: Sequence[pd.DataFrame]) -> dict[int, int]:
    """Return the number of the last attempt of each instance of a group, by seed; empty if there are no tables."""
    return dict(_last_attempts(attempts)["attempt"]) if attempts else {}


def is_collapsed(attempts: Sequence[pd.DataFrame]) -> bool:
    """Return whether an instance collapsed, by its table of attempts; False if there is none."""
    return bool(attempts) and _last_attempts(attempts)["outcome"].item() != ACCEPTED


def unequally_drawn(attempts: Sequence[pd.DataFrame], others: Sequence[pd.DataFrame]) -> set[int]:
    """Return the seeds whose networks in two groups were accepted at different attempts.

    One of the two networks was redrawn, so they do not share the random draws of their seed.

    Parameters
    ----------
    attempts, others
        Tables of attempts of the instances of each group. If a group does not have any, no seed is returned.
    """
    if not attempts or not others:
        return set()
    numbers = [_last_attempts(group)["attempt"] for group in (attempts, others)]
    differ = numbers[0].sub(numbers[1]).dropna() != 0
    return set(differ.index[differ])


def _last_attempts(attempts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the last attempt of each instance of a group, by seed."""
    return pd.concat(attempts).sort_values("attempt").groupby("seed").last()
