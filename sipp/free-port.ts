import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Below the range the kernel hands out on its own (32768–60999); above all that the exchange and its tests have for RTP. */
const FIRST_PORT = 27_000
const LAST_PORT = 31_998
const MAX_TRIES = 200

// Each process starts elsewhere, so that test files running side by side seldom meet.
let next = FIRST_PORT + ((process.pid * 97) % (LAST_PORT - FIRST_PORT))

/** No port was free after MAX_TRIES tries. */
export class NoFreePort extends Error {
  override readonly name = 'NoFreePort'
}

/**
 * An even port of `host` that is free for UDP and TCP, with the three after it free for UDP: RTP and RTCP (RFC 3550 §11),
 * and the second pair SIPp binds for video whether it is wanted or not. Never the same one twice in a row: SIPp binds it a moment later. Throws NoFreePort.
 */
export async function findFreePort(host: string): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    next = next + 4 > LAST_PORT ? FIRST_PORT : next + 4
    const port = next - (next % 2)
    if ((await allFree(host, port)) && (await tcpIsFree(host, port))) return port
  }
  throw new NoFreePort(`no free port on ${host} between ${FIRST_PORT} and ${LAST_PORT} after ${MAX_TRIES} tries`)
}

async function allFree(host: string, first: number): Promise<boolean> {
  for (let port = first; port < first + 4; port++) if (!(await udpIsFree(host, port))) return false
  return true
}

function udpIsFree(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = createSocket('udp4')
  socket.once('error', () => resolve(false))
  socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)))
  return promise
}

function tcpIsFree(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  return promise
}

/** Where Linux lists bound sockets; elsewhere SIPp is given a moment instead. */
const SOCKET_TABLES = { udp: '/proc/net/udp', tcp: '/proc/net/tcp' } as const
const BLIND_WAIT_MS = 500
const POLL_MS = 10

/**
 * Waits until somebody has bound `host:port`, at most `limitMs`. SIPp says nothing when it is ready, so the kernel is asked.
 * Returns whether it was seen.
 */
export async function waitUntilBound(
  transport: 'udp' | 'tcp',
  host: string,
  port: number,
  limitMs: number,
): Promise<boolean> {
  const entry = `${hexAddress(host)}:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const any = `00000000:${port.toString(16).toUpperCase().padStart(4, '0')} `
  for (let waited = 0; waited < limitMs; waited += POLL_MS) {
    const table = await readFile(SOCKET_TABLES[transport], 'utf8').catch(() => null)
    if (table === null) {
      await sleep(BLIND_WAIT_MS)
      return true
    }
    if (table.includes(` ${entry}`) || table.includes(` ${any}`)) return true
    await sleep(POLL_MS)
  }
  return false
}

/** The kernel prints an IPv4 address as one little-endian 32-bit word. */
function hexAddress(host: string): string {
  return host
    .split('.')
    .toReversed()
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase()
}
