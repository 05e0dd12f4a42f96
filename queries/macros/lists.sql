-- Each item of a list with its place, from 1. UNNEST of a column of these is one pass, where UNNEST of an expression or
-- WITH ORDINALITY becomes a join of the whole rows: so a column takes it first.
CREATE MACRO placed(items) AS
    list_transform(items, lambda item, place : {'item': item, 'place': place});
