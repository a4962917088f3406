import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFreeSwitch } from '../../../media/freeswitch/freeswitch.ts'
import type { MediaServer } from '../../../media/media-server.ts'
import { createMediasoup } from '../../../media/mediasoup/mediasoup.ts'
import { exportWav } from '../../../media/recording/export-wav.ts'
import type { RecordingsOptions } from '../../../media/recording/recordings.ts'
import { createRelay } from '../../../media/relay/relay.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { FreeSwitchStage } from '../../support/freeswitch/freeswitch-stage.ts'
import { MEDIASOUP_WORKER, whyNoMediasoup } from '../../support/mediasoup.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { needs } from '../relay/relayed-call.ts'

/** How long an engine under test bears silence, ms. */
const RTP_TIMEOUT_MS = 1500

/** An engine that is running, and how its audio is made to stop as if by an accident; null where that has its own test. */
export interface RunningEngine {
  readonly server: MediaServer
  readonly kill: (() => Promise<void>) | null
  /** A recording of its tools as a stereo WAV file; without it the engine has none. */
  readonly wavOf?: (file: string) => Promise<Buffer>
  /** Each side agrees on codecs with the engine and not with the other side, by clocks and buffers of the engine's own. */
  readonly isBetween?: {
    /** How long it may take from an answer until audio goes through, ms. */
    readonly readyMs: number
    /** By how many packets its figures may be out: what comes while it is not ready is not read. */
    readonly packets: number
  }
  close(): Promise<void>
}

export interface EngineUnderTest {
  readonly name: string
  /** Null when it can run here; else why not. */
  readonly absent: string | null
  start(): Promise<RunningEngine>
}

/** Where recordings of ours go, encrypted as ever: how they are read, and what removes them. */
function recordingFolder(): [RecordingsOptions, (file: string) => Promise<Buffer>, () => void] {
  const folder = mkdtempSync(join(tmpdir(), 'dce-conformance-'))
  const keys = [{ id: 'k1', key: randomBytes(32) }]
  const wavOf = async (file: string): Promise<Buffer> => {
    await exportWav(file, keys, `${file}.wav`)
    return readFile(`${file}.wav`)
  }
  return [{ folder, keys }, wavOf, () => rmSync(folder, { recursive: true })]
}

/** Every engine that the suite is run over. */
export const ENGINES: readonly EngineUnderTest[] = [
  {
    name: 'relay',
    absent: null,
    async start() {
      const portRange = { from: 21_600, to: 21_799 }
      const places = { address: '127.0.0.1', portRange, portQuietMs: 0 }
      const [recordings, wavOf, erase] = recordingFolder()
      const server = await createRelay(needs, { ...places, rtpTimeoutMs: RTP_TIMEOUT_MS, recordings })
      // Its thread is killed in relay-thread.test.ts: nothing outside this process can.
      return {
        server,
        kill: null,
        wavOf,
        async close() {
          await server.close()
          erase()
        },
      }
    },
  },
  {
    name: 'rtpengine',
    absent: rtpengineIsInstalled() ? null : 'the program is not installed (Debian: rtpengine-daemon)',
    async start() {
      const program = await RtpengineProcess.start()
      const [recordings, wavOf, erase] = recordingFolder()
      const server = await createRtpengine(needs, {
        engines: [{ host: program.host, port: program.port, weight: 1 }],
        recordings,
        rtpTimeoutMs: RTP_TIMEOUT_MS,
        pingIntervalMs: 200,
        queryIntervalMs: 300,
      })
      return {
        server,
        kill: () => program.kill(),
        wavOf,
        async close() {
          await server.close()
          await program.close()
          erase()
        },
      }
    },
  },
  {
    name: 'mediasoup',
    absent: whyNoMediasoup(),
    async start() {
      const server = await createMediasoup(needs, {
        workerPath: MEDIASOUP_WORKER,
        address: '127.0.0.1',
        portRange: { from: 21_800, to: 21_999 },
        portQuietMs: 0,
        rtpTimeoutMs: RTP_TIMEOUT_MS,
      })
      return {
        server,
        async kill() {
          for (const pid of server.workerPids) process.kill(pid, 'SIGKILL')
        },
        close: () => server.close(),
      }
    },
  },
  {
    name: 'freeswitch',
    absent: process.env['DCE_FREESWITCH_SERVERS']
      ? null
      : 'DCE_FREESWITCH_SERVERS names none (host:port, on this machine)',
    async start() {
      const { DCE_FREESWITCH_SERVERS: servers, DCE_FREESWITCH_SECRET: secret = 'ClueCon' } = process.env
      const { DCE_FREESWITCH_PROMPTS_DIR: promptsDir, DCE_FREESWITCH_RECORDINGS_DIR: recordingsDir } = process.env
      const stage = await FreeSwitchStage.open()
      const server = await createFreeSwitch(stage.needs, {
        servers: servers!.split(','),
        secret,
        owner: 'dce-conformance',
        ...(promptsDir && { promptsDir }),
        ...(recordingsDir && { recordingsDir }),
        rtpTimeoutMs: RTP_TIMEOUT_MS,
      }).catch(async (error: unknown) => {
        await stage.close()
        throw error
      })
      return {
        server,
        kill: null, // Not ours to kill.
        wavOf: (file) => readFile(file),
        isBetween: { readyMs: 200, packets: 4 },
        async close() {
          await server.close()
          await stage.close()
        },
      }
    },
  },
]
