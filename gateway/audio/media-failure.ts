import type { MediaFailure } from '../../media/media-server.ts'
import type { EndReason } from '../../model/call.ts'

/** How a call ends whose audio has failed. */
export const END_OF_MEDIA: Readonly<Record<MediaFailure, EndReason>> = {
  lost: 'media_failed',
  insecure: 'media_insecure',
}
