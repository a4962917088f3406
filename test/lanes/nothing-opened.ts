import { ChildProcess } from 'node:child_process'
import { Socket as DatagramSocket } from 'node:dgram'
import { Server, Socket } from 'node:net'

/** Mocha loads this before the files of the reckoning lane: what they say they do not do, they cannot. */
export class OpenedSomething extends Error {
  override readonly name = 'OpenedSomething'
}

refuse(Socket.prototype, 'connect')
refuse(Server.prototype, 'listen')
refuse(DatagramSocket.prototype, 'bind')
refuse(DatagramSocket.prototype, 'send')
refuse(ChildProcess.prototype, 'spawn')

function refuse(prototype: object, method: string): void {
  Object.defineProperty(prototype, method, {
    value: () => {
      throw new OpenedSomething(`a file of the reckoning lane may not ${method}: see test/lanes/lanes.ts`)
    },
  })
}
