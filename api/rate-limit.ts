import { isIPv6 } from 'node:net'
import type { Clock } from '../model/clock.ts'
import { Problem } from './problems.ts'

/** Sources remembered at once; beyond it the whole memory is dropped, since an attacker with that many has won anyway. */
const MAX_SOURCES = 100_000
const WINDOW_MS = 60_000

/** Lets `perMinute` requests of one source through in each minute from its first; throws 429 with Retry-After beyond. */
export function createRateLimit(perMinute: number, clock: Clock): (bucket: string, source: string) => void {
  const windows = new Map<string, { start: number; count: number }>()
  return (bucket, source) => {
    const key = `${bucket} ${network(source)}`
    const now = clock.monotonicMs()
    const window = windows.get(key)
    if (!window || now - window.start >= WINDOW_MS) {
      if (windows.size >= MAX_SOURCES) windows.clear()
      windows.set(key, { start: now, count: 1 })
      return
    }
    if (++window.count <= perMinute) return
    const seconds = Math.max(1, Math.ceil((window.start + WINDOW_MS - now) / 1000))
    throw new Problem('too_many_requests', `At most ${perMinute} a minute; try again in ${seconds} s.`, {
      headers: { 'retry-after': String(seconds) },
    })
  }
}

/** Who a source is, for counting: an IPv6 host owns a whole /64. */
function network(source: string): string {
  const address = source.replace(/^::ffff:(?=\d+\.)/, '')
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const left = head.split(':')
  const groups = tail === undefined ? left : [...left, ...Array<string>(8).fill('0')]
  return groups.slice(0, 4).join(':')
}
