import { join } from 'node:path'
import { auditSigner } from '../../compliance/audit/audit-key.ts'
import { HeadsFile } from '../../compliance/audit/heads-file.ts'
import { AuditSealer } from '../../compliance/audit/sealer.ts'
import type { AuditStore } from '../../compliance/needs.ts'
import type { Settings } from '../../config/settings.ts'
import type { AuditHead } from '../../model/audit.ts'
import type { Clock } from '../../model/clock.ts'
import { hourly } from './hourly.ts'

/** Where the keys of the audit are, and the heads of its chain. */
export function auditPlaces({ dataDir, audit }: Pick<Settings, 'dataDir' | 'audit'>): {
  keys: string
  heads: HeadsFile
} {
  return { keys: join(dataDir, 'keys'), heads: new HeadsFile(audit.headsFile ?? join(dataDir, 'audit', 'heads.jsonl')) }
}

/** Seals the audit now and every `audit.seal_every`, and once more when told to stop. */
export function keepAudit(
  store: AuditStore,
  settings: Pick<Settings, 'dataDir' | 'audit'>,
  parts: { readonly clock: Clock; readonly log: Parameters<typeof hourly>[0] },
): () => Promise<void> {
  const { keys, heads } = auditPlaces(settings)
  const onForeignHead = ({ no }: AuditHead): void =>
    parts.log.warn({ block: no, file: heads.path }, 'the audit is not the one whose head was written down')
  const sealer = new AuditSealer({ store, signer: auditSigner(keys), heads, clock: parts.clock, onForeignHead })
  const { sealEveryMs } = settings.audit
  const seal = async (): Promise<void> => void (await sealer.seal(sealEveryMs / 2))
  const stop = hourly(parts.log, { 'audit months': () => store.makeMonths(), audit: seal }, sealEveryMs)
  return async () => {
    sealer.hurry()
    await stop()
    await seal().catch((error: Error) =>
      parts.log.warn({ reason: error.message }, 'the audit was not sealed at the end'),
    )
  }
}
