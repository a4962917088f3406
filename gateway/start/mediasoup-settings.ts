import { availableParallelism } from 'node:os'
import type { Settings } from '../../config/settings.ts'
import type { MediasoupOptions } from '../../media/mediasoup/mediasoup-options.ts'
import { relayOptions } from './relay-settings.ts'
import { rtpRange } from './rtp-range.ts'

/** mediasoup as the settings have it; before the phones stand the relay's threads, with the relay's settings. */
export function mediasoupOptions(settings: Settings): MediasoupOptions {
  const { worker, workers, ports } = settings.media.mediasoup
  return {
    ...relayOptions(settings),
    workerPath: worker ?? (process.env['MEDIASOUP_WORKER_BIN'] || null), // As mediasoup itself calls it.
    workers: workers || availableParallelism(),
    workerPorts: rtpRange(ports),
  }
}
