import { may, set } from './setting.ts'
import { TEXT, whole } from './setting-kinds.ts'

const DAYS = whole(1, 36_500)

/** How long what is written down of calls is kept, and what encrypts it. */
export const PRIVACY = {
  'retention.calls_days': set(
    DAYS,
    90,
    'After so many days the traces of calls move to the archive; who called whom, when and at what price stays.',
  ),
  'retention.auctions_days': set(DAYS, 90, 'After so many days auctions move to the archive.'),
  'retention.decisions_days': set(
    DAYS,
    90,
    'After so many days what auctions were decided by moves to the archive: dce replay and dce backtest reach no further back.',
  ),
  'retention.tracking_days': set(DAYS, 90, 'After so many days reports of what became of calls move to the archive.'),
  'retention.webhook_deliveries_days': set(
    whole(1, 3650),
    30,
    'After so many days deliveries that were given up are deleted; those that arrived after 7 at most.',
  ),
  'retention.dead_letters_days': set(
    DAYS,
    90,
    'After so many days events and records that could not be published or stored are deleted.',
  ),
  'retention.access_days': set(
    DAYS,
    2557,
    'After so many days it is deleted who listened to which call or recording (7 years).',
  ),
  'retention.archive_days': set(
    whole(1827, 36_500),
    2557,
    'After so many days (7 years) the archive is deleted, and with it the numbers in the records and the audit of its calls; at least the 5 years of 16 CFR 310.5.',
  ),
  'retention.law_days': set(
    whole(1827, 36_500),
    1827,
    'So many days what an erasure may not touch is kept, encrypted: 5 years (16 CFR 310.5, 47 CFR 64.1200(d)(6)).',
  ),
  'security.encryption_keys': may(
    TEXT,
    'What sensitive columns and the archive are encrypted with, ID:KEY with 32 bytes in hex or base64, older ones after commas; gateways that share a database need the same. Unset: a key made in data_dir for the embedded database, none for another.',
    { secret: 'all' },
  ),
} as const
