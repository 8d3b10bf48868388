"""Deposits: a folder, an SFTP server or an S3-compatible bucket where a partner puts files, each picked up once."""
