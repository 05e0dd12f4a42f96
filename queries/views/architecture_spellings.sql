-- Spellings of architectures that mean another one, as containerd normalises them (platforms/database.go): builders
-- write uname names (x86_64, aarch64), Debian names (armhf, armel) and default variants (arm64/v8). A spelling is
-- the stated architecture and variant in lower case; what is not listed stands for itself.
SELECT
    s.spelling,
    s.architecture,
    s.variant
FROM (
    VALUES
        ('386/', '386', NULL),
        ('i386/', '386', NULL),
        ('amd64/v1', 'amd64', NULL),
        ('x86_64/', 'amd64', NULL),
        ('x86_64/v1', 'amd64', NULL),
        ('x86_64/v2', 'amd64', 'v2'),
        ('x86_64/v3', 'amd64', 'v3'),
        ('x86_64/v4', 'amd64', 'v4'),
        ('x86-64/', 'amd64', NULL),
        ('x86-64/v1', 'amd64', NULL),
        ('x86-64/v2', 'amd64', 'v2'),
        ('x86-64/v3', 'amd64', 'v3'),
        ('x86-64/v4', 'amd64', 'v4'),
        ('aarch64/', 'arm64', NULL),
        ('aarch64/8', 'arm64', NULL),
        ('aarch64/v8', 'arm64', NULL),
        ('arm64/8', 'arm64', NULL),
        ('arm64/v8', 'arm64', NULL),
        ('arm/', 'arm', 'v7'),
        ('arm/5', 'arm', 'v5'),
        ('arm/6', 'arm', 'v6'),
        ('arm/7', 'arm', 'v7'),
        ('arm/8', 'arm', 'v8'),
        ('armhf/', 'arm', 'v7'),
        ('armhf/v7', 'arm', 'v7'),
        ('armel/', 'arm', 'v6'),
        ('armel/v6', 'arm', 'v6')
) AS s (spelling, architecture, variant)
