-- Which names mean one and the same registry only the owner of a cluster knows (the route, an external host name,
-- a service address such as 172.30.1.1:5000), so none are folded until they are configured.
SELECT
    a.alias,
    a.registry
FROM configured_aliases AS a
