import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { keepInSlots } from '../../../gateway/srf/slotted-tables.ts'
import { SlotMap } from '../../../model/slots.ts'

describe('keepInSlots', () => {
  it('leaves of what is kept of a connection all but the kind of its tables', () => {
    class Agent {
      readonly tables = new Map<Socket, Record<string, unknown>>()
      _initServer(socket: Socket): Record<string, unknown> {
        const tables = { pings: new Set(), requests: new Map(), invites: new Map(), ready: false, hostport: null }
        this.tables.set(socket, tables)
        return tables
      }
    }
    keepInSlots(Agent)
    const [agent, socket] = [new Agent(), new Socket()]
    // oxlint-disable-next-line no-underscore-dangle -- drachtio-srf's own name for it.
    const tables = agent._initServer(socket)
    assert.equal(agent.tables.get(socket), tables)
    assert.ok(tables['requests'] instanceof SlotMap && tables['invites'] instanceof SlotMap)
    assert.ok(tables['pings'] instanceof Set)
    assert.deepEqual([tables['ready'], tables['hostport']], [false, null])
  })
})
