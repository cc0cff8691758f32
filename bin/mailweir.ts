#!/usr/bin/env node
// `mailweir`: the service and what an administrator does with it. Each command loads only what it needs.
// Exit codes: 0 done; 64 wrong usage; 69 what was asked for cannot be done now; 75 try later (deliver); 78 the settings
// have faults, or the service cannot start with them.
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Command, CommanderError } from 'commander'
import { DEFAULT_CONFIG_PATH, readSettingsOrExplain } from '../service/read-settings.js'

const EXIT_USAGE = 64
const EXIT_UNAVAILABLE = 69
const EXIT_LATER = 75
const EXIT_CONFIG = 78

const CONFIG_OPTION = [
  '-c, --config <file>',
  'the settings',
  process.env['MAILWEIR_CONFIG'] ?? DEFAULT_CONFIG_PATH,
] as const

function program(): Command {
  const mailweir = new Command('mailweir')
    .description('Mail content filter and delivery agent: opens every part and archive, scans, filters, delivers.')
    .version(version(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('(mailweir help shows the commands)')
    .exitOverride()
  mailweir
    .command('serve')
    .description('run the service until SIGTERM; SIGHUP reads the settings again')
    .option(...CONFIG_OPTION)
    .action(serve)
  mailweir
    .command('deliver')
    .description('take one message on standard input through the whole path, without a service')
    .requiredOption('-r, --recipient <address>', 'whom it is for')
    .option('-f, --sender <address>', "the envelope's sender; none for a bounce")
    .option(...CONFIG_OPTION)
    .action(deliver)
  const config = mailweir.command('config').description('the settings')
  config
    .command('check')
    .description('print every fault of the settings with line and key')
    .argument('[file]', 'the settings')
    .option(...CONFIG_OPTION)
    .action(checkConfig)
  config.command('docs').description('print docs/settings.md').action(printSettingsDocs)
  const signatures = mailweir.command('signatures').description('the virus signatures')
  signatures
    .command('update')
    .description('run freshclam now and tell clamd when something changed; for cron')
    .option(...CONFIG_OPTION)
    .action(updateSignatures)
  signatures
    .command('status')
    .description('how old the signatures are, on disk and in clamd, and when they are fetched')
    .option(...CONFIG_OPTION)
    .option('--json', 'as JSON')
    .action(signatureStatus)
  mailweir
    .command('version')
    .description('print the version')
    .action(() => print(version()))
  return mailweir
}

type ConfigOption = { config: string }

async function serve({ config }: ConfigOption): Promise<void> {
  if (cluster.isPrimary) {
    const { serve: serveUntilSignal } = await import('../service/serve.js')
    process.exit(await serveUntilSignal(config))
  }
  const { tellParent, work } = await import('../service/worker.js')
  await work(config).catch((error: unknown) => {
    tellParent({ kind: 'cannotStart', why: messageOf(error) })
    process.exitCode = EXIT_CONFIG
    cluster.worker?.disconnect()
  })
}

async function deliver(options: ConfigOption & { recipient: string; sender?: string }): Promise<void> {
  const { deliverInProcess } = await import('../service/deliver-in-process.js')
  const { recipient, sender, config } = options
  const { exitCode, text } = await deliverInProcess({
    recipient,
    sender: sender ?? null,
    input: process.stdin,
    configPath: config,
  })
  if (text !== '') print(text)
  process.exitCode = exitCode
}

async function checkConfig(named: string | undefined, { config }: ConfigOption): Promise<void> {
  const file = named ?? config
  if (await readSettingsOrExplain(file)) print(`${file}: no faults`)
  else process.exitCode = EXIT_CONFIG
}

async function printSettingsDocs(): Promise<void> {
  const { settingsMarkdown } = await import('../service/settings-docs.js')
  process.stdout.write(settingsMarkdown())
}

async function updateSignatures({ config }: ConfigOption): Promise<void> {
  const settings = await readSettingsOrExplain(config)
  if (!settings) return void (process.exitCode = EXIT_CONFIG)
  const { updateSignaturesNow } = await import('../service/signatures-command.js')
  const { text, failed } = await updateSignaturesNow(settings)
  print(text)
  if (failed) process.exitCode = EXIT_UNAVAILABLE
}

async function signatureStatus({ config, json }: ConfigOption & { json?: true }): Promise<void> {
  const settings = await readSettingsOrExplain(config)
  if (!settings) return void (process.exitCode = EXIT_CONFIG)
  const { signatureStatusText } = await import('../service/signatures-command.js')
  process.stdout.write(await signatureStatusText(settings, json ? 'json' : 'lines'))
}

function version(): string {
  const { version: number } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return number
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

try {
  await program().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  else {
    process.stderr.write(`mailweir: ${messageOf(error)}\n`)
    process.exitCode = process.argv[2] === 'deliver' ? EXIT_LATER : EXIT_CONFIG
  }
}
