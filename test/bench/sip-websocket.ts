import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { BenchResult } from './bench-result.ts'

/**
 * Idle registered WebSocket clients in a process of their own: what the server holds for each, with the application that
 * registered them in the same process. Each transport has a server process to itself: one that has held other clients before
 * has their pages still, and new clients seem to cost less than they do. About 30 s.
 */
export async function run(): Promise<BenchResult[]> {
  return [...(await measured('ws')), ...(await measured('wss'))]
}

async function measured(transport: 'ws' | 'wss'): Promise<BenchResult[]> {
  const child = fork(new URL('./sip-websocket-server.ts', import.meta.url), [transport])
  const [results]: BenchResult[][] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the server of ${transport} ended with ${code}`))),
  ])
  return results ?? []
}
