set -eu
data=/var/lib/mysql
[ -d "$data/mysql" ] || mariadb-install-db --no-defaults --datadir="$data" --skip-test-db --skip-name-resolve >/dev/null
umask 077
cat > /tmp/init.sql <<SQL
CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;
CREATE USER IF NOT EXISTS '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT ALL PRIVILEGES ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
SQL
exec mariadbd --no-defaults --datadir="$data" --init-file=/tmp/init.sql --bind-address=0.0.0.0 "$@"
