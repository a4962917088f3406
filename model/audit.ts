/** One line of the audit, as it is stored. What has been erased (number, inputs, checks, salt) is null, and stands as its commitment. */
export interface AuditLine {
  readonly seq: bigint
  readonly callId: string
  /** Microseconds since 1970. */
  readonly atMicros: bigint
  readonly number: string | null
  /** JSON, as PostgreSQL prints its jsonb: the same each time. */
  readonly inputs: string | null
  readonly checks: string | null
  readonly salt: string | null
  readonly commitment: Buffer | null
}

/** One link of the chain. */
export interface AuditBlock {
  /** From 1 on. */
  readonly no: number
  /** Its last line; the first is the one after the last of the block before. */
  readonly lastSeq: bigint
  readonly lines: number
  readonly root: Buffer
  readonly previous: Buffer
  readonly hash: Buffer
  readonly sealedAt: Date
  readonly keyId: string
  /** Ed25519 over the hash. */
  readonly signature: Buffer
}

/** The head of the chain after a block, as it is written outside the database. */
export interface AuditHead {
  readonly no: number
  readonly hash: string
  readonly sealedAt: string
  readonly signature: string
}
