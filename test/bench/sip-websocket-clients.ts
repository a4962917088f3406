/** A process with many WebSocket clients that register once and then are silent: as thin as can be, since the server is measured. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** `PORT COUNT ws|wss`: opens so many, so many at a time, and tells its parent the count of those registered. */
const [port, count] = process.argv.slice(2, 4).map(Number) as [number, number]
const isSecure = process.argv[4] === 'wss'
const AT_A_TIME = 200

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n'

function registerOf(index: number): string {
  const host = `client${index}.invalid`
  return (
    `REGISTER sip:bench.example.com SIP/2.0\r\nVia: SIP/2.0/WS ${host};branch=z9hG4bKr${index}\r\nMax-Forwards: 69\r\n` +
    `From: <sip:agent${index}@bench.example.com>;tag=f${index}\r\nTo: <sip:agent${index}@bench.example.com>\r\n` +
    `Call-ID: register-${index}\r\nCSeq: 1 REGISTER\r\nContact: <sip:agent${index}@${host};transport=ws>;expires=600\r\n` +
    'Supported: path, outbound\r\nUser-Agent: bench\r\nContent-Length: 0\r\n\r\n'
  )
}

/** One frame of fewer than 65,536 bytes, masked with zeros. */
function frameOf(text: string, opcode: number): Buffer {
  const head =
    text.length < 126 ? [0x80 | opcode, 0x80 | text.length] : [0x80 | opcode, 0xfe, text.length >> 8, text.length & 255]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text, 'latin1')])
}

const PING = 0x89
const PONG = frameOf('', 0xa)

let registered = 0
let failed = 0
let next = 0

function open(): void {
  if (next >= count) return
  const index = next++
  let isRegistered = false
  const place = { port, host: '127.0.0.1' }
  const greet = () => void socket.write(UPGRADE)
  const socket: Socket = isSecure ? connectTls({ ...place, rejectUnauthorized: false }, greet) : connect(place, greet)
  socket.on('data', (bytes) => {
    if (isRegistered) {
      if (bytes[0] === PING) socket.write(PONG)
      return
    }
    const text = bytes.toString('latin1')
    if (text.startsWith('HTTP/1.1 101')) socket.write(frameOf(registerOf(index), 1))
    else if (text.includes('SIP/2.0 200')) {
      isRegistered = true
      registered++
      settled()
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    if (isRegistered) return
    failed++
    settled()
  })
}

function settled(): void {
  if (registered + failed === count) process.send?.({ registered, failed })
  else open()
}

for (let i = 0; i < AT_A_TIME; i++) open()
process.on('disconnect', () => process.exit())
