import type { Socket } from 'node:net'
import { SlotMap } from '../../model/slots.ts'

/** What drachtio-srf keeps of a connection: what waits for an answer, in tables by kind. */
type ConnectionTables = Record<string, unknown>

/** drachtio-srf's agent, as far as it makes those. */
export interface AgentClass {
  readonly prototype: {
    _initServer(socket: Socket): ConnectionTables
  }
}

/** Makes drachtio-srf keep in slots what waits on a connection: some thirty additions a call, each with all of the call behind it. */
export function keepInSlots(agent: AgentClass): void {
  // oxlint-disable-next-line no-underscore-dangle, typescript/unbound-method -- theirs, and there is no other way to it; called with its own `this`.
  const init = agent.prototype._initServer
  // oxlint-disable-next-line no-underscore-dangle -- as above.
  agent.prototype._initServer = function (socket) {
    const tables = init.call(this, socket)
    for (const [name, table] of Object.entries(tables)) if (table instanceof Map) tables[name] = new SlotMap()
    return tables
  }
}
