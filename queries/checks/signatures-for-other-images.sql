-- /// check
-- title = "Signatures for other images"
-- severity = "fail"
-- description = "Signatures recorded on an Image that claim another digest."
-- value = "A sign of tampering: a true signature of one image was put on another."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Which signature, and the digest it claims."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name AS subject,
    'signature at position ' || s.position || ' claims ' || s.claimed_digest AS detail
FROM image_signatures AS s
WHERE NOT s.is_for_this_image
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
