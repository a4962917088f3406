import { connect } from 'node:net'
import type { Settings } from '../../config/settings.ts'
import type { Finding } from './doctor-media.ts'

const WAIT_MS = 2000

/** Which counters would be used, and whether something answers where Redis should be. */
export async function examineRedis({ redis }: Settings): Promise<Finding> {
  if (redis.url === null)
    return { ok: true, text: 'redis.url is not set: this process counts places, caps and funds alone' }
  if (!URL.canParse(redis.url))
    return { ok: false, text: 'redis.url is no URL: redis://[user:password@]host[:port][/db]' }
  const { hostname, port } = new URL(redis.url)
  const at = `redis.url ${hostname}:${port || 6379}`
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 6379), timeout: WAIT_MS })
    const end = (ok: boolean, text: string): void => {
      socket.destroy()
      resolve({ ok, text: `${at}: ${text}` })
    }
    socket.once('connect', () => end(true, 'somebody listens there'))
    socket.once('timeout', () => end(false, 'no answer'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, error.code ?? error.message))
  })
}
