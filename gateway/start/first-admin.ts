import { randomBytes } from 'node:crypto'
import type { Log } from '../../config/logger.ts'
import type { User } from '../../model/account.ts'
import type { AccountId } from '../../model/ids.ts'

interface Users {
  findByEmail(email: string): Promise<User | null>
  create(user: { accountId: AccountId; email: string; role: 'admin'; passwordHash: string }): Promise<User>
  setPassword(id: User['id'], passwordHash: string): Promise<void>
}

interface Passwords {
  hashPassword(password: string): Promise<string>
  verifyPassword(password: string, hash: string): Promise<boolean>
}

/**
 * Sees to it that somebody can log in: makes the first administrator, with the password of the settings or a random one
 * that is printed once. A password set later in the settings replaces the stored one.
 */
export async function ensureFirstAdmin(options: {
  users: Users
  operatorId: AccountId
  email: string
  password: string | null
  passwords: Passwords
  log: Log
}): Promise<void> {
  const { users, email, password, passwords, log } = options
  const admin = await users.findByEmail(email)
  if (admin) {
    if (password !== null && !(await passwords.verifyPassword(password, admin.passwordHash)))
      await users.setPassword(admin.id, await passwords.hashPassword(password))
    return
  }
  const chosen = password ?? randomBytes(12).toString('base64url')
  const passwordHash = await passwords.hashPassword(chosen)
  await users.create({ accountId: options.operatorId, email, role: 'admin', passwordHash })
  if (password !== null) return
  log.flush()
  // Not through the log, which masks passwords and is kept: this is said once, to whoever starts the exchange.
  process.stderr.write(`\nThe first administrator is ${email}, with the password ${chosen}\nIt is not shown again.\n\n`)
}
