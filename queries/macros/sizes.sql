-- A blob has one size: the largest any object of the cluster states, since old objects write 0 for "unknown".
CREATE MACRO size_of_blob(stated_size_bytes) AS
    CAST(greatest(coalesce(max(stated_size_bytes), 0), 0) AS BIGINT);
