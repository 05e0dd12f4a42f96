-- Spellings of architectures that mean another one, as containerd normalises them (platforms/database.go): builders
-- write uname names (x86_64, aarch64), Debian names (armhf, armel) and default variants (arm64/v8). A spelling is
-- the stated architecture and variant in lower case; what is not listed stands for itself.
SELECT
    a.stated || '/' || v.stated AS spelling,
    a.architecture,
    CASE
        WHEN a.stated = 'armhf' THEN 'v7'
        WHEN a.stated = 'armel' THEN 'v6'
        WHEN a.stated = 'i386' THEN NULL
        WHEN a.architecture = 'amd64' THEN nullif(nullif(v.stated, 'v1'), '')
        WHEN a.architecture = 'arm64' AND v.stated IN ('', '8', 'v8') THEN NULL
        WHEN a.architecture = 'arm' AND v.stated = '' THEN 'v7'
        WHEN a.architecture = 'arm' AND v.stated IN ('5', '6', '7', '8') THEN 'v' || v.stated
        ELSE v.stated
    END AS variant
FROM (
    VALUES
        ('i386', '386'),
        ('amd64', 'amd64'),
        ('x86_64', 'amd64'),
        ('x86-64', 'amd64'),
        ('arm64', 'arm64'),
        ('aarch64', 'arm64'),
        ('arm', 'arm'),
        ('armhf', 'arm'),
        ('armel', 'arm')
) AS a (stated, architecture)
CROSS JOIN (
    VALUES (''), ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('8'), ('9'),
    ('v1'), ('v2'), ('v3'), ('v4'), ('v5'), ('v6'), ('v7'), ('v8'), ('v9'),
    ('v8.1'), ('v8.2'), ('v8.3'), ('v8.4'), ('v8.5'), ('v8.6'), ('v8.7'), ('v8.8'), ('v8.9'),
    ('v9.0'), ('v9.1'), ('v9.2'), ('v9.3'), ('v9.4'), ('v9.5')
) AS v (stated)
