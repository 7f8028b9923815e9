/** Owns where a log's segments lie and through whom they open files: one for all of a log's, so that each is small. */
import { type Disk, DiskError, type DiskFile } from '@ottla/base/disk.ts'
import type { OpenSegments } from './open-segments.ts'

export class SegmentHome {
  readonly disk: Disk
  readonly directory: string
  readonly openSegments: OpenSegments
  /** The log is closed or deleted: its names may be another log's already, so nothing is opened by them any more. */
  isClosed = false

  constructor(options: { disk: Disk; directory: string; openSegments: OpenSegments }) {
    this.disk = options.disk
    this.directory = options.directory
    this.openSegments = options.openSegments
  }

  /** As `Disk.open`; where the process may open no more files, others are closed first. */
  open(path: string, options?: { create?: boolean; readOnly?: boolean }): DiskFile {
    if (this.isClosed) throw new DiskError(`Cannot open "${path}": its log is closed`, 'EBADF')
    return this.openSegments.openFile(this.disk, path, options)
  }
}
