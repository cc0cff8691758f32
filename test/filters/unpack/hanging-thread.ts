// Stands in for a reading thread that sits in a decoder: says where it is, and then nothing stops it but its end.
import { parentPort } from 'node:worker_threads'

parentPort?.once('message', () => {
  parentPort?.postMessage({ kind: 'leaf', where: 'offer > a', sizeBytes: 1, bytes: new Uint8Array([97]), startByte: 0 })
  parentPort?.postMessage({ kind: 'reading', where: 'offer > stuck.rar' })
  setTimeout(() => {
    for (;;);
  }, 20)
})
