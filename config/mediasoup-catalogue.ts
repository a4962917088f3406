import { may, set } from './setting.ts'
import { PORT_RANGE, TEXT, whole } from './setting-kinds.ts'

/** The settings of the media engine mediasoup; without it in `media.engine` they mean nothing. */
export const MEDIASOUP = {
  'media.mediasoup.worker': may(
    TEXT,
    'The worker program, with the JavaScript of its package around it if there is one; unset: MEDIASOUP_WORKER_BIN, else that of the installed package.',
  ),
  'media.mediasoup.workers': set(whole(0, 64), 0, 'Worker processes; 0: one for each core.'),
  'media.mediasoup.ports': set(
    PORT_RANGE,
    { first: 22_000, last: 31_999 },
    'The workers’ UDP ports: browsers are met there, phones at telephony.rtp_port_range.',
  ),
}
