-- Parts of a pull reference: [host[:port]/]path[:tag][@digest]. Images and signatures are compared by these.

-- Old exports write docker:// or docker-pullable:// before it. A port and a tag both follow a colon, and the digest holds
-- one as well: the digest is split off first.
CREATE MACRO reference_without_digest(reference) AS
    split_part(regexp_replace(trim(reference), '^docker(-pullable)?://', ''), '@', 1);

-- Only a colon behind the last slash starts a tag.
CREATE MACRO reference_host_and_path(reference) AS
    nullif(regexp_replace(reference_without_digest(reference), ':[^:/\]]*$', ''), '');

-- The first component is a host only if it could not be part of a Docker Hub path.
CREATE MACRO reference_has_host(reference) AS
    regexp_matches(reference_host_and_path(reference), '^([^/]*[.:][^/]*|localhost)/');

CREATE MACRO reference_registry(reference) AS
    CASE
        WHEN reference_host_and_path(reference) IS NULL THEN NULL
        WHEN NOT reference_has_host(reference) THEN 'docker.io'
        WHEN
            lower(split_part(reference_host_and_path(reference), '/', 1)) IN ('index.docker.io', 'registry-1.docker.io')
            THEN 'docker.io'
        ELSE lower(split_part(reference_host_and_path(reference), '/', 1))
    END;

CREATE MACRO reference_path(reference) AS
    CASE
        WHEN reference_has_host(reference) THEN regexp_replace(reference_host_and_path(reference), '^[^/]*/', '')
        ELSE reference_host_and_path(reference)
    END;

-- Docker Hub keeps official images under library/.
CREATE MACRO reference_repository(reference) AS
    CASE
        WHEN
            reference_registry(reference) = 'docker.io' AND reference_path(reference) NOT LIKE '%/%'
            THEN 'library/' || reference_path(reference)
        ELSE reference_path(reference)
    END;

CREATE MACRO reference_tag(reference) AS
    nullif(regexp_extract(reference_without_digest(reference), ':([^:/\]]*)$', 1), '');

CREATE MACRO reference_digest(reference) AS
    nullif(split_part(reference, '@', 2), '');
