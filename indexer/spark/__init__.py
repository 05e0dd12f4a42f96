"""The same views and canned queries on Apache Spark: SQL translated from DuckDB's, the store read where it stands.

DuckDB stays the reference: it says which types a result has, and a test sets every answer of Spark beside its own.
Heavy imports (pyspark, sqlglot) stay inside this package, which nothing imports until Spark is asked for.
"""
