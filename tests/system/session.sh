# A shell session whose output and files are the same on Linux and on Ringlet. The system tests
# run it on both, with the same busybox, and compare. Its directory is the current one.
set -u
umask 022

echo "== writing"
echo hi > f; echo more >> f; cat f
printf 'no newline' > g; cat f g > h; cat h; echo
: > empty; wc -c empty f g h
cat > here <<END
a here-document of $(echo two) lines
and $((6 * 7))
END
cat here

echo "== pipes and loops"
x=$(cat f | wc -l); echo "lines: $x"
for i in 1 2 3; do echo "row $i"; done | sort -r | head -n 2
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); echo $i; done | awk '{ s += $1 } END { print s }'
seq 1 2000 | grep 7 | wc -l
echo abc | tee t1 t2 | tr a-c A-C; cat t1 t2
seq 100 | xargs -n 10 echo | tail -n 1
(exit 7); echo "status $?"; false || echo "false is $?"
yes | head -n 50000 | md5sum

echo "== directories"
mkdir -p a/b/c/d; mkdir -p a/b; echo deep > a/b/c/d/file
cp -a a copy; mv copy/b copy/moved; find a copy | sort
cp f a/f; mv a/f a/b/f; rm a/b/f; rm -r copy; ls a a/b
rmdir a 2>/dev/null; echo "rmdir of a full directory: $?"
cd a/b/c; pwd | sed 's,.*/a,a,'; cd ../../..
mkdir many; i=0
while [ $i -lt 400 ]; do echo $i > many/file_with_a_rather_long_name_$i; i=$((i + 1)); done
ls many | wc -l; cat many/* | awk '{ s += $1 } END { print s }'
rm many/*_1*; ls many | wc -l; echo new > many/after; ls many | tail -n 1
long=$(printf '%0250d' 7); echo long > many/$long; cat many/$long
{ echo x > many/${long}1234567; } 2>/dev/null || echo "a name of 257 is refused"

echo "== links"
ln f hard; echo linked >> hard; cat f; ls -l f | awk '{ print $2 }'
ln -s f soft; cat soft; readlink soft; ln -s nowhere dangling; cat dangling 2>/dev/null || echo none
ln -s "$(printf '%0100d' 0)" slow; readlink slow | wc -c
ln -s a/b dirlink; ls dirlink; ln -s loop2 loop1; ln -s loop1 loop2
cat loop1 2>&1 | sed 's/.*: //'
rm f; cat hard; mv hard f

echo "== text"
seq 1 30 > numbers; sed -n '5,7p' numbers; sed -e 's/1/one/' numbers | tail -n 2
sed -i 's/2/two/g' numbers; grep -c two numbers; grep -r deep a; cut -c1-3 here | head -n 1
printf 'b 2\na 10\nc 1\n' > table; sort table; sort -k2 -n table; uniq -c table | wc -l
awk '{ print $2, $1 > "turned" } END { print NR }' table; cat turned
diff table turned > difference; echo "diff: $?"; tr -d '\n' < table; echo

echo "== archives and sums"
tar cf - a many | tar tf - | wc -l
mkdir out; tar cf - a many | (cd out && tar xf -); diff -r a out/a && diff -r many out/many && echo same
tar czf all.tgz a many; mkdir out2; tar xzf all.tgz -C out2; diff -r many out2/many && echo same; rm all.tgz
seq 1 100000 > big; md5sum big; sha256sum big; sha1sum big
gzip -c big > big.gz; gunzip -c big.gz | cmp - big && echo equal; rm big.gz

echo "== blocks and holes"
dd if=big of=piece bs=1000 skip=3 count=5 2>/dev/null; md5sum piece
dd if=big of=slow_copy bs=97 2>/dev/null; cmp big slow_copy && echo equal; rm slow_copy
echo end | dd of=holes bs=1 seek=300000 2>/dev/null; wc -c holes; md5sum holes
echo far | dd of=triple bs=1024 seek=70000 2>/dev/null; wc -c triple; tail -c 4 triple
echo middle | dd of=triple bs=1024 seek=300 conv=notrunc 2>/dev/null; md5sum triple
truncate -s 5000 holes; wc -c holes; truncate -s 100000 holes; md5sum holes
truncate -s 500000 big; md5sum big; truncate -s 600000 big; md5sum big; : > holes
hexdump -C piece | head -n 4; od -c f | head -n 3
dd if=/dev/zero of=zeros bs=4096 count=700 2>/dev/null; cmp -n 2867200 zeros /dev/zero && echo zeros

echo "== modes and times"
chmod 640 f; chmod u+x,g-r f; stat -c '%a %s %F' f; chmod 1755 a; stat -c %a a
touch -d '2001-09-09 01:46:40' f; stat -c %Y f; cp -p f p; stat -c '%Y %a' p
[ f -ot big ] && echo older; [ -x f ] && echo executable; [ -L soft ] && echo link
touch fresh; mv fresh f2; mv f2 p; [ -s p ] || echo "renamed over"; ls p

echo "== processes"
sleep 0.1 & wait $!; echo "waited $?"
(sleep 100) & kill $!; wait $! 2>/dev/null; echo "killed: $?"
sh -c 'kill -9 $$'; echo "by signal: $?"
trap 'echo trapped' USR1; kill -USR1 $$; trap - USR1
mkfifo pipe; cat pipe > from_pipe & echo through > pipe; wait; cat from_pipe; rm pipe
exec 3> fd3; echo three >&3; exec 3>&-; cat fd3
sh -c 'echo out; echo err >&2' > both 2>&1; sort both
while read -r first rest; do echo "$rest $first"; done < table
echo 'echo "script got $# $2"' > script; chmod +x script; ./script one two
unlinked() { exec 4< big; rm big; md5sum <&4; exec 4<&-; }; unlinked
printf '%s\n' *
