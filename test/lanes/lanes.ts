import { spawnSync } from 'node:child_process'
import { whyNotReckoning } from './reach.ts'

/** Test files that run one after the other, in a mocha of their own, beside the other lanes. */
export interface Lane {
  readonly name: string
  readonly files: readonly string[]
  /** What mocha and all it starts give way by: 0 to 19, as nice(1) has it. */
  readonly niceness: number
  /** In a network namespace of its own: no port or address of its can be another lane's. */
  readonly ownNetwork: boolean
  /** A module that mocha loads first. */
  readonly requires: string | null
}

/** Whole exchanges, phones and audio in real time: what a busy machine spoils first. */
const IN_REAL_TIME = ['calls', 'docker', 'media', 'peers', 'sipp']

/** They import what could open sockets, and open none: both ends are made up. nothing-opened.ts holds them to it. */
const RECKONING_ALL_THE_SAME = ['test/gateway/simulation.test.ts', 'test/gateway/sip-server/simulation.test.ts']

/**
 * The files by lane, each lane in the order given:
 *
 * - `real time`: whole exchanges, phones, audio. It goes before all others.
 * - `services`: what else opens sockets, starts processes and threads, or waits for a time. Its sockets must not take a port that a test
 *   of the first lane has just found free or is about to have again after a restart, so where the machine gives it no network of its own
 *   it follows in the first lane.
 * - `reckoning`: files that do nothing of the kind, which reach.ts finds out. They take what the others leave, and fail when they open
 *   something after all.
 */
export function sortIntoLanes(root: string, files: readonly string[], canSeparate: boolean): Lane[] {
  const reckoning = files.filter(
    (file) => RECKONING_ALL_THE_SAME.includes(file) || whyNotReckoning(root, file) === null,
  )
  const waiting = files.filter((file) => !reckoning.includes(file))
  const inRealTime = waiting.filter((file) => IN_REAL_TIME.includes(file.split('/')[1]!))
  const services = waiting.filter((file) => !inRealTime.includes(file))
  const lanes = [
    { name: 'real time', files: canSeparate ? inRealTime : waiting, niceness: 0, ownNetwork: false, requires: null },
    { name: 'services', files: canSeparate ? services : [], niceness: 5, ownNetwork: true, requires: null },
    { name: 'reckoning', files: reckoning, niceness: 10, ownNetwork: false, requires: 'test/lanes/nothing-opened.ts' },
  ]
  return lanes.filter((lane) => lane.files.length > 0)
}

/** What makes a command run in a network of its own, with nothing in it but loopback. */
export const IN_OWN_NETWORK = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] as const

/** Whether this machine lets us: Linux does, as root. */
export function canSeparateNetworks(): boolean {
  const [command, ...args] = IN_OWN_NETWORK
  return process.getuid?.() === 0 && spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0
}
