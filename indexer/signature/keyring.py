"""Public keys from files, and what of each decides whether a signature made with it counts.

The cryptography and the judgement of certificates are Sequoia's (`pysequoia`). Its binding says of a signature only
"valid" or not, so what names the reason (expiry, revocation, purpose) is read here from the packets of the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, PublicKeyAlgorithm, SignatureType, Tag

from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from indexer.signature.signer import Signer

MIN_KEY_SIZE_BITS: Final = 2048
"""Sequoia's policy refuses RSA and DSA keys below this size."""

_KEY_TAGS: Final = (Tag.PublicKey, Tag.PublicSubkey, Tag.SecretKey, Tag.SecretSubkey)
_SUBKEY_TAGS: Final = (Tag.PublicSubkey, Tag.SecretSubkey)
_SUBKEY_TYPES: Final = (SignatureType.SubkeyBinding, SignatureType.SubkeyRevocation)
_REVOCATION_TYPES: Final = (SignatureType.KeyRevocation, SignatureType.SubkeyRevocation)
_BINDING_TYPES: Final = (
    SignatureType.DirectKey,
    SignatureType.SubkeyBinding,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)
_SIZED_ALGORITHMS: Final = (
    PublicKeyAlgorithm.RSAEncryptSign,
    PublicKeyAlgorithm.RSASign,
    PublicKeyAlgorithm.DSA,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its primary user id; `refusal` says why Sequoia does not accept it, None where it does."""

    cert: Cert
    fingerprint: str
    user_id: str | None
    expires_at: datetime | None
    is_revoked: bool
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key or subkey as its certificate describes it; fingerprints and ids are upper-case hex."""

    certificate: Certificate
    fingerprint: str
    key_id: str
    bound_at: datetime | None
    """Time of its first self-signature; nothing it signed before counts."""
    expires_at: datetime | None
    is_revoked: bool
    is_signing: bool
    is_too_small: bool


@dataclass(slots=True)
class Keyring:
    """Keys by fingerprint and by key id. Read one with `read_keyrings`."""

    keys: list[Key] = field(default_factory=list)
    _by_handle: dict[str, list[Key]] = field(default_factory=dict)

    def add(self, key: Key) -> None:
        """Make a key findable."""
        self.keys.append(key)
        for handle in (key.fingerprint, key.key_id):
            self._by_handle.setdefault(handle, []).append(key)

    def find(self, signer: Signer) -> list[Key]:
        """Return the keys a signature packet names: by fingerprint, or by key id where it states only that."""
        handle = signer.fingerprint or signer.key_id
        return self._by_handle.get(handle, []) if handle else []


def read_keyrings(paths: Iterable[Path]) -> Keyring:
    """Read files of public keys, binary or in ASCII armour, several keys a file; a key in several files is merged.

    Raises `ConfigurationError` naming the file that can't be read or holds no key.
    """
    merged: dict[str, Cert] = {}
    for cert in chain.from_iterable(map(_read_file, paths)):
        known = merged.get(cert.fingerprint)
        merged[cert.fingerprint] = known.merge(cert) if known else cert
    keyring = Keyring()
    for cert in merged.values():
        for key in _keys(cert):
            keyring.add(key)
    return keyring


def _read_file(path: Path) -> list[Cert]:
    hint = "Write the public keys to a file with: gpg --export --armor -o FILE KEY."
    try:
        certs = Cert.split_bytes(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"Can't read the keyring {path}: {error.strerror or error}.", hint=hint) from error
    except RuntimeError as error:
        raise ConfigurationError(f"{path} is no file of OpenPGP keys: {first_line(error)}.", hint=hint) from error
    if not certs:
        raise ConfigurationError(f"The keyring {path} holds no key.", hint=hint)
    return certs


def without_revocations(cert: Cert) -> Cert:
    """Return the certificate as it was before anything of it was revoked, to tell revoked keys from bad signatures."""
    kept = [packet for packet in _packets(cert) if packet.signature_type not in _REVOCATION_TYPES]
    return Cert.from_packets(kept)


def first_line(error: Exception) -> str:
    """Return the message of an error of Sequoia without the stack that may follow it."""
    return str(error).split("\n", 1)[0].rstrip(".")


def _packets(cert: Cert) -> Iterator[Packet]:
    yield from PacketPile.from_bytes(bytes(cert))


@dataclass(slots=True)
class _Component:
    """A key packet and the self-signatures over it, in any order."""

    key: Packet
    signatures: list[Packet] = field(default_factory=list)


def _components(cert: Cert) -> list[_Component]:
    """Sort the packets of a certificate: the primary key first, then subkeys, each with its own signatures."""
    components: list[_Component] = []
    for packet in _packets(cert):
        if packet.tag in _KEY_TAGS:
            components.append(_Component(packet))
        elif packet.tag == Tag.Signature and _is_by(packet, components[0].key):
            owner = components[-1] if packet.signature_type in _SUBKEY_TYPES else components[0]
            owner.signatures.append(packet)
    return components


def _is_by(signature: Packet, primary: Packet) -> bool:
    """Tell whether a signature names the primary key as its maker; others certify, they don't decide."""
    if signature.issuer_fingerprint:
        return signature.issuer_fingerprint == primary.fingerprint
    return signature.issuer_key_id == primary.key_id


def _keys(cert: Cert) -> Iterator[Key]:
    certificate = _certificate(cert)
    for component in _components(cert):
        yield _key(certificate, component)


def _certificate(cert: Cert) -> Certificate:
    refusal = user_id = expires_at = None
    try:
        user_id = next(map(str, cert.user_ids), None)
        expires_at = cert.expiration
    except RuntimeError as error:
        refusal = first_line(error)
    return Certificate(cert, cert.fingerprint.upper(), user_id, expires_at, cert.is_revoked, refusal)


def _key(certificate: Certificate, component: _Component) -> Key:
    packet, is_subkey = component.key, component.key.tag in _SUBKEY_TAGS
    bindings = [signature for signature in component.signatures if signature.signature_type in _BINDING_TYPES]
    bindings.sort(key=_created)
    is_subkey_revoked = is_subkey and any(s.signature_type in _REVOCATION_TYPES for s in component.signatures)
    return Key(
        certificate=certificate,
        fingerprint=str(packet.fingerprint).upper(),
        key_id=str(packet.key_id).upper(),
        bound_at=_created(bindings[0]) if bindings else None,
        expires_at=_subkey_expiry(certificate, packet, bindings) if is_subkey else certificate.expires_at,
        is_revoked=certificate.is_revoked or is_subkey_revoked,
        is_signing=_is_signing(bindings),
        is_too_small=_is_too_small(packet),
    )


def _created(signature: Packet) -> datetime:
    return signature.signature_created or datetime.max.replace(tzinfo=UTC)


def _subkey_expiry(certificate: Certificate, key: Packet, bindings: list[Packet]) -> datetime | None:
    """Return when a subkey ends: by its newest binding, and never after its primary key."""
    lifetime = bindings[-1].key_validity_period if bindings else None
    own = key.key_created + lifetime if key.key_created and lifetime else None
    return min((moment for moment in (own, certificate.expires_at) if moment), default=None)


def _is_signing(bindings: list[Packet]) -> bool:
    """Tell whether the newest self-signature that states a purpose allows signing; none stated allows it."""
    stated = [signature.key_flags for signature in bindings if signature.key_flags]
    return stated[-1].signing if stated else True


def _is_too_small(key: Packet) -> bool:
    """Read the size of an RSA or DSA key: its first number is the modulus, with its bits counted in front of it."""
    if key.key_algorithm not in _SIZED_ALGORITHMS:
        return False
    start = 10 if key.body[0] == 6 else 6  # noqa: PLR2004 - RFC 9580 §5.5.2: version 6 has a length before the numbers
    return int.from_bytes(key.body[start : start + 2], "big") < MIN_KEY_SIZE_BITS
