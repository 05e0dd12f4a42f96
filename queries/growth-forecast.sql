-- /// query
-- title = "Growth forecast"
-- description = "A straight line through the physical bytes of each cluster, one point a day (the last compared snapshot of the day, in UTC), and where it leads, with the interval that 95 of 100 further points would fall into if the days were independent and the line true. Both are wishes: clean-ups and releases bend the line, so the interval is at least so wide. With too few days there is no forecast, and the state says why."
-- value = "Roughly when a registry's disk has to grow, and how little the past may say about it."
-- [params.horizon_days]
-- type = "INTEGER"
-- default = 30
-- help = "Days after the last point that the forecast is for."
-- [params.min_days]
-- type = "INTEGER"
-- default = 14
-- help = "Fewest days with a snapshot; never fewer than 7."
-- [columns]
-- cluster = "Cluster the snapshots were taken of."
-- state = "`forecast`, or why there is none: `too few days`, or `no change` where all points are equal."
-- day_count = "Days with a compared snapshot."
-- first_day = "First of them."
-- last_day = "Last of them."
-- last_physical_bytes = "Physical bytes on the last one."
-- daily_delta_bytes = "Bytes a day along the line; null without a forecast, as all that follows."
-- daily_delta_low_bytes = "Lower end of its 95 % interval."
-- daily_delta_high_bytes = "Upper end of its 95 % interval."
-- r_squared = "Share of the variation that the line explains."
-- forecast_day = "Day the forecast is for."
-- forecast_bytes = "Physical bytes on that day, along the line."
-- forecast_low_bytes = "Lower end of the 95 % interval of one point; 0 at least."
-- forecast_high_bytes = "Upper end of the 95 % interval of one point."
-- is_beyond_span = "Whether the day lies further ahead than the points reach back: then even the interval is a guess."
-- ///
WITH points AS (
    SELECT
        t.cluster,
        CAST(t.taken_at AS DATE) AS day,
        h.physical_bytes,
        row_number() OVER (
            PARTITION BY t.cluster, CAST(t.taken_at AS DATE)
            ORDER BY t.taken_at DESC, t.snapshot_id DESC
        ) AS place
    FROM all_snapshots.snapshot_series AS t
    INNER JOIN all_snapshots.snapshot_totals AS h
        ON
            h.cluster = t.cluster
            AND h.snapshot_id = t.snapshot_id
    WHERE t.state = 'compared'
),

days AS (
    SELECT
        p.cluster,
        p.day,
        p.physical_bytes,
        CAST(date_diff('day', max(p.day) OVER (PARTITION BY p.cluster), p.day) AS DOUBLE) AS x,
        CAST(p.physical_bytes AS DOUBLE) AS y
    FROM points AS p
    WHERE p.place = 1
),

-- x counts from the last day, so that it is small and the sums of squares stay exact enough.
sums AS (
    SELECT
        d.cluster,
        count(*) AS day_count,
        min(d.day) AS first_day,
        max(d.day) AS last_day,
        max(CASE WHEN d.x = 0 THEN d.physical_bytes END) AS last_physical_bytes,
        avg(d.x) AS mean_x,
        regr_slope(d.y, d.x) AS slope,
        regr_intercept(d.y, d.x) AS intercept,
        regr_sxx(d.y, d.x) AS sxx,
        regr_syy(d.y, d.x) AS syy
    FROM days AS d
    GROUP BY d.cluster
),

judged AS (
    SELECT
        s.*,
        CASE
            WHEN s.day_count < greatest($min_days, 7) THEN 'too few days'
            WHEN s.syy = 0 THEN 'no change'
            ELSE 'forecast'
        END AS state,
        CAST(s.day_count - 2 AS DOUBLE) AS freedom,
        greatest(s.syy - s.slope * s.slope * s.sxx, 0) AS residual
    FROM sums AS s
),

-- Student's t for 95 %, two-sided, from the normal quantile: Abramowitz and Stegun, 26.7.5; with 5 degrees of freedom
-- or more it is right to 0.001.
errors AS (
    SELECT
        j.*,
        sqrt(j.residual / j.freedom) AS deviation,
        1.959964
        + 2.372272 / j.freedom
        + 2.822499 / (j.freedom * j.freedom)
        + 2.555850 / (j.freedom * j.freedom * j.freedom)
        + 1.589536 / (j.freedom * j.freedom * j.freedom * j.freedom) AS t
    FROM judged AS j
    WHERE j.state = 'forecast'
),

lines AS (
    SELECT
        e.cluster,
        e.slope,
        e.t * e.deviation / sqrt(e.sxx) AS slope_margin,
        1 - e.residual / e.syy AS r_squared,
        e.intercept + e.slope * $horizon_days AS value,
        e.t
        * e.deviation
        * sqrt(1 + 1.0 / e.day_count + ($horizon_days - e.mean_x) * ($horizon_days - e.mean_x) / e.sxx) AS margin
    FROM errors AS e
)

SELECT
    j.cluster,
    j.state,
    j.day_count,
    j.first_day,
    j.last_day,
    j.last_physical_bytes,
    CAST(round(l.slope) AS BIGINT) AS daily_delta_bytes,
    CAST(round(l.slope - l.slope_margin) AS BIGINT) AS daily_delta_low_bytes,
    CAST(round(l.slope + l.slope_margin) AS BIGINT) AS daily_delta_high_bytes,
    round(l.r_squared, 4) AS r_squared,
    CASE WHEN l.cluster IS NOT NULL THEN j.last_day + CAST($horizon_days AS INTEGER) END AS forecast_day,
    CAST(round(CASE WHEN l.value < 0 THEN 0 ELSE l.value END) AS BIGINT) AS forecast_bytes,
    CAST(round(CASE WHEN l.value < l.margin THEN 0 ELSE l.value - l.margin END) AS BIGINT) AS forecast_low_bytes,
    CAST(round(CASE WHEN l.value + l.margin < 0 THEN 0 ELSE l.value + l.margin END) AS BIGINT) AS forecast_high_bytes,
    CASE WHEN l.cluster IS NOT NULL THEN $horizon_days > date_diff('day', j.first_day, j.last_day) END AS is_beyond_span
FROM judged AS j
LEFT JOIN lines AS l ON l.cluster = j.cluster
ORDER BY j.cluster
