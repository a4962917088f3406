import { VERSTATS } from '../model/stir.ts'
import { may, set } from './setting.ts'
import { duration, oneOf, PORTS, TEXT, whole } from './setting-kinds.ts'

/** Signatures of callers' numbers: STIR and SHAKEN. */
export const STIR = {
  'telephony.stir.policy': set(
    oneOf('off', 'verify', 'enforce'),
    'off',
    'What is done with the signatures calls come with: passed on unread, verified and noted, or verified and calls with a wrong one refused (RFC 8224).',
  ),
  'telephony.stir.missing': set(
    oneOf('accept', 'refuse'),
    'accept',
    'Under enforce, what becomes of calls that nobody has signed: sold, or refused with 428. Many are, since older networks on their way drop signatures.',
  ),
  'telephony.stir.roots': may(
    TEXT,
    'The file (PEM) of the authorities whose certificates may sign: in the US the list of the policy administrator (STI-PA). Needed to verify.',
  ),
  'telephony.stir.revoked': may(
    TEXT,
    'A file of lists of revoked certificates (PEM), signed by one of the roots; read again every hour. Unset: none is taken for revoked.',
  ),
  'telephony.stir.freshness': set(
    duration('1s', '10m'),
    60_000,
    'How far from now a signature’s time may be; 403 beyond it.',
  ),
  'telephony.stir.deadline': set(
    duration('10ms', '10s'),
    1_000,
    'How long a call waits for a certificate that is not known yet; then it goes for one that cannot be had (436).',
  ),
  'telephony.stir.fetch_timeout': set(
    duration('100ms', '30s'),
    5_000,
    'How long the fetching of a certificate may take, for the calls after the one that did not wait for it.',
  ),
  'telephony.stir.certificate_ttl': set(
    duration('1m', '7d'),
    3_600_000,
    'How long a certificate is used before its URL is asked again; for as long as that fails it is used on.',
  ),
  'telephony.stir.failure_ttl': set(
    duration('1s', '1h'),
    30_000,
    'How long a URL that gave no certificate is not asked again.',
  ),
  'telephony.stir.max_certificates': set(
    whole(10, 100_000),
    2_000,
    'The most certificates kept, bad ones included; then the one not used for longest is forgotten.',
  ),
  'telephony.stir.certificate_ports': set(
    PORTS,
    [443, 8443],
    'The ports of https certificates are fetched at (ATIS-1000074: 443 and 8443).',
  ),
  'telephony.stir.key': may(
    TEXT,
    'The file of our private key (PEM, P-256), to sign calls on trunks with an attestation, and to tell of the calls we pass on (div, RFC 8946). Unset: nothing is signed.',
  ),
  'telephony.stir.certificate_url': may(
    TEXT,
    'Where everybody finds our certificate, by https; set together with the key.',
  ),
  'telephony.stir.verstat': set(
    oneOf(...VERSTATS),
    'off',
    'What From and P-Asserted-Identity tell buyers of the signature where their target does not say: nothing, verstat, or verstat with the attestation (TN-Validation-Passed-A).',
  ),
} as const
