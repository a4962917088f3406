import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** How a program ended. `exitCode` null: it hung, and was killed. */
export interface ProgramEnd {
  readonly exitCode: number | null
  /** All it said, on both streams. */
  readonly said: string
}

/** Skips the suite where a program is missing; test/run-all.js says so, and counts it as a failure where it must not be. */
export function requireProgram(context: Mocha.Context, program: string): void {
  if (spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status !== 0) context.skip()
}

/** Runs a program to its end, at most `limitMs`; `env` is what its environment has besides ours. */
export async function runProgram(
  program: string,
  args: readonly string[],
  limitMs = 20_000,
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramEnd> {
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += String(bytes)))
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await once(child, 'close')
  clearTimeout(timer)
  return { exitCode: child.exitCode, said }
}
