import { may } from './setting.ts'
import { TEXT } from './setting-kinds.ts'

/** What encrypts what is kept. */
export const PRIVACY = {
  'security.encryption_keys': may(
    TEXT,
    'What sensitive columns and the archive are encrypted with, ID:KEY with 32 bytes in hex or base64, older ones after commas; gateways that share a database need the same. Unset: a key made in data_dir for the embedded database, none for another.',
    { secret: 'all' },
  ),
} as const
