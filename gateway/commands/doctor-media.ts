import type { Settings } from '../../config/settings.ts'
import { createMediaServer, type MediaEngine } from '../../media/engines.ts'
import type { MediaServer } from '../../media/media-server.ts'
import { createRtpengine } from '../../media/rtpengine/rtpengine.ts'
import { mediaOptions } from '../start/media-options.ts'

/** One thing that was looked at, in a line. */
export type Finding = { readonly ok: boolean; readonly text: string }

const QUIET = { warn: () => {}, error: () => {} } // The finding says it.

/** Whether each engine of `media.engine` can be started, and what it can do. */
export async function examineMedia(settings: Settings): Promise<Finding[]> {
  const found: Finding[] = []
  for (const engine of settings.media.engine)
    found.push(...(engine === 'rtpengine' ? await rtpengines(settings) : [await tryOut(engine, settings)]))
  return found
}

/** Started small, and as nobody whose calls it could take for its own of before. */
async function tryOut(engine: MediaEngine, settings: Settings): Promise<Finding> {
  const { relay, freeswitch, mediasoup, rtpengine } = mediaOptions(settings)
  const options = {
    relay: { ...relay, threads: 1 },
    freeswitch: { ...freeswitch, owner: 'dce-doctor' },
    mediasoup: { ...mediasoup, workers: 1 },
    rtpengine,
  }
  const sip = { invite: () => Promise.reject(new Error('the doctor calls nobody')) }
  try {
    const server = await createMediaServer(engine, { log: QUIET, sip }, options)
    const text = `media engine ${engine}: ${abilities(server)}`
    await server.close()
    return { ok: true, text }
  } catch (error) {
    const { message } = error as Error
    return { ok: false, text: message.startsWith('media engine') ? message : `media engine ${engine}: ${message}` }
  }
}

/** Whether each rtpengine answers a ping. */
function rtpengines(settings: Settings): Promise<Finding[]> {
  const { rtpengine } = mediaOptions(settings)
  return Promise.all(
    rtpengine.engines.map(async (engine) => {
      const server = await createRtpengine({ log: QUIET }, { ...rtpengine, engines: [{ ...engine, weight: 1 }] })
      const ok = server.isUp
      await server.close()
      const name = `media.rtpengine.addresses ${engine.host}:${engine.port}`
      return { ok, text: ok ? `${name}: rtpengine answers: ${abilities(server)}` : `${name}: no rtpengine answers` }
    }),
  )
}

function abilities({ capabilities, isDirect }: MediaServer): string {
  if (isDirect === true) return 'for calls whose trunk and target both have direct_media'
  return [...capabilities].join(', ') || 'plain audio'
}
