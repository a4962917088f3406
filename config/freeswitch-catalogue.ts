import { may, set, SHORT_WAIT } from './setting.ts'
import { LIST, TEXT, whole } from './setting-kinds.ts'

/** The settings of the FreeSWITCH engine: `media.engine: freeswitch`. */
export const FREESWITCH = {
  'media.freeswitch.servers': set(
    LIST,
    ['127.0.0.1:8021'],
    'Event sockets of FreeSWITCH servers: host:port, or host:port;weight=2.',
    { aliases: ['freeswitch.servers'] },
  ),
  'media.freeswitch.secret': may(TEXT, 'The password of the event socket; unset: FreeSWITCH’s own default.', {
    secret: 'all',
    aliases: ['freeswitch.secret'],
  }),
  'media.freeswitch.profile': set(TEXT, 'drachtio_mrf', 'The sofia profile that takes our calls.', {
    aliases: ['freeswitch.profile'],
  }),
  'media.freeswitch.listen_address': set(
    TEXT,
    '127.0.0.1',
    'The IPv4 address of this machine that FreeSWITCH connects back to, on any port.',
    { aliases: ['freeswitch.listen_address'] },
  ),
  'media.freeswitch.prompts_dir': set(
    TEXT,
    '/var/lib/freeswitch/prompts',
    'Where FreeSWITCH’s machine has the prompts.',
    { aliases: ['freeswitch.prompts_dir'] },
  ),
  'media.freeswitch.recordings_dir': set(
    TEXT,
    '/var/lib/freeswitch/recordings',
    'Where FreeSWITCH writes recordings, in the clear.',
    { aliases: ['freeswitch.recordings_dir'] },
  ),
  'media.freeswitch.max_sessions': set(
    whole(1, 10_000),
    100,
    'The most calls on one server: a core carries 100 to 120.',
  ),
  'media.freeswitch.command_timeout': set(SHORT_WAIT, 5000, 'How long FreeSWITCH may take to answer a command.'),
} as const
