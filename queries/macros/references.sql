-- Parts of a pull reference: [host[:port]/]path[:tag][@digest]. Images and signatures are compared by these. A macro is a
-- copy of its text: where one takes what another gives, a column in between keeps the statement small.

-- Old exports write docker:// or docker-pullable:// in front. A port and a tag both follow a colon, and the digest holds
-- one as well: the digest is split off first. Most references have neither, and finding that out is cheap.
CREATE MACRO reference_without_digest(reference) AS
    split_part(
        CASE
            WHEN reference LIKE '%docker%://%' THEN regexp_replace(trim(reference), '^docker(-pullable)?://', '')
            ELSE trim(reference)
        END,
        '@',
        1
    );

-- Only a colon behind the last slash starts a tag.
CREATE MACRO without_tag(name) AS
    CASE
        WHEN name LIKE '%:%' THEN regexp_replace(name, ':[^:/\]]*$', '')
        ELSE name
    END;

CREATE MACRO reference_host_and_path(reference) AS
    nullif(without_tag(reference_without_digest(reference)), '');

CREATE MACRO reference_tag(reference) AS
    nullif(regexp_extract(reference_without_digest(reference), ':([^:/\]]*)$', 1), '');

CREATE MACRO reference_digest(reference) AS
    nullif(split_part(reference, '@', 2), '');

CREATE MACRO on_docker_hub(path) AS
    -- Docker Hub keeps official images under library/.
    CASE WHEN path LIKE '%/%' THEN 'docker.io/' ELSE 'docker.io/library/' END || path;

-- Registry and path, of a host and path as references write them.
CREATE MACRO full_name(host_and_path) AS
    CASE
        -- The first component is a host only if it could not be part of a Docker Hub path.
        WHEN NOT regexp_matches(host_and_path, '^([^/]*[.:][^/]*|localhost)/') THEN on_docker_hub(host_and_path)
        WHEN lower(split_part(host_and_path, '/', 1)) IN ('docker.io', 'index.docker.io', 'registry-1.docker.io')
            THEN on_docker_hub(regexp_replace(host_and_path, '^[^/]*/', ''))
        ELSE host_and_path
    END;

CREATE MACRO registry_of(full_name) AS
    lower(split_part(full_name, '/', 1));

CREATE MACRO repository_of(full_name) AS
    regexp_replace(full_name, '^[^/]*/', '');
