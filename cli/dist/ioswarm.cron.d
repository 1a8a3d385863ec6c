# A crontab for machines without systemd timers. Copy it to /etc/cron.d/ioswarm and delete the lines that you do not need.
# cron mails what a run prints to MAILTO. The scripts print nothing when all is well and nothing was paid. Each command
# keeps a second run out by itself; flock keeps it from even starting.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=root

# The nightly snapshot. The user must be able to read the node's database and write to the folder of snapshots.
17 3 * * *    ioswarm  flock -n /run/lock/ioswarm-snapshot.lock /usr/local/share/ioswarm/ioswarm-snapshot.cron
# Pays agents what they are owed. Run 'ioswarm settle init' once before.
*/10 * * * *  ioswarm  flock -n /run/lock/ioswarm-settle.lock /usr/local/share/ioswarm/ioswarm-settle.cron
