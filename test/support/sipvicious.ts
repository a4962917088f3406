import { existsSync } from 'node:fs'
import { runProgram, type ProgramEnd } from './run-program.ts'

export type Tool = 'svmap' | 'svwar' | 'svcrack'

/** Where Debian keeps it. */
const LIBRARY = '/usr/share/sipvicious'

/**
 * Its tools say who they are, and two of them will not be told an address to come from: here they are another phone, at an
 * address of their own, and wait 3 s for an answer instead of 10. Everything else is theirs.
 */
const DISGUISE = `
import importlib, socket, sys
sys.path.insert(0, '${LIBRARY}')
from sipvicious.libs import svhelper

address, tool = sys.argv[1:3]

class Socket(socket.socket):
    def bind(self, place):
        super().bind((address, place[1]))

    def settimeout(self, seconds):
        super().settimeout(min(seconds, 3))

socket.socket = Socket
svhelper.makeRequest.__defaults__ = tuple(
    'Desk Phone 1.0' if value == 'friendly-scanner' else value for value in svhelper.makeRequest.__defaults__)
sys.argv = sys.argv[2:]
importlib.import_module('sipvicious.' + tool).main()
`

/** Whether the tools are where the disguised ones are looked for. */
export function sipviciousIsInstalled(): boolean {
  return existsSync(LIBRARY)
}

/** Runs a tool as it is; svmap from `-b ADDRESS`, the others from wherever the kernel has them come from. */
export function runTool(tool: Tool, args: readonly string[]): Promise<ProgramEnd> {
  return runProgram(tool, args, LIMIT_MS)
}

/** Runs a tool that does not say its name, from `address`. */
export function runDisguised(address: string, tool: Tool, args: readonly string[]): Promise<ProgramEnd> {
  return runProgram('python3', ['-c', DISGUISE, address, tool, ...args], LIMIT_MS)
}

const LIMIT_MS = 30_000
