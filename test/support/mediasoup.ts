import { findMediasoup } from '../../media/mediasoup/load.ts'

/** What MEDIASOUP_WORKER_BIN names; null: the installed package's. `.ci/mediasoup-worker` builds one. */
export const MEDIASOUP_WORKER = process.env['MEDIASOUP_WORKER_BIN'] || null

/** Null when there is a worker. */
export function whyNoMediasoup(): string | null {
  try {
    findMediasoup(MEDIASOUP_WORKER)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** What an exchange in a test is told, to run on mediasoup. */
export function onMediasoup(): Record<string, string> {
  return {
    DCE_MEDIA_ENGINE: 'mediasoup',
    DCE_MEDIA_MEDIASOUP_WORKERS: '2',
    DCE_MEDIA_MEDIASOUP_PORTS: '26000-26999',
    ...(MEDIASOUP_WORKER === null ? {} : { DCE_MEDIA_MEDIASOUP_WORKER: MEDIASOUP_WORKER }),
  }
}
