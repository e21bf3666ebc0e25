#!/usr/bin/env bats
# The XML custom configuration file (configuration.md section 1.3), and the
# directory it stands in.

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    MANAGER=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin/milter-manager
    DIR=$BATS_TEST_TMPDIR/conf
    CUSTOM=$DIR/milter-manager.custom.conf
    mkdir "$DIR"
    unset MILTER_MANAGER_CONFIG_DIR
    cat >"$DIR/milter-manager.conf" <<'END'
define_applicable_condition("Never") { |c| c.define_helo_stopper { false } }
define_milter("a") do |milter|
  milter.connection_spec = "inet:1@127.0.0.1"
  milter.add_applicable_condition("Never")
end
END
}

teardown() {
    [[ -z ${CREATED_USER:-} ]] || userdel "$CREATED_USER"
}

show() {
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config
}

# custom XML : the custom file, shown
custom() {
    printf '%s\n' "$1" >"$CUSTOM"
    show
}

# refused XML LINE MESSAGE
refused() {
    custom "$1"
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $CUSTOM:$2: $3"
}

assert_shown() {
    case $'\n'"$output"$'\n' in
    *$'\n'"$1"$'\n'*) ;;
    *) fail "not shown: $1" ;;
    esac
}

@test "items and milters of the custom file count, with their lines" {
    custom '<?xml version="1.0" encoding="utf-8"?>
<!-- written by a program -->
<configuration xmlns="urn:x">
  <security><privilege-mode>false</privilege-mode><effective-user></effective-user></security>
  <controller><connection_spec>unix:/tmp/controller</connection_spec></controller>
  <manager>
    <maintenance-interval> 25 </maintenance-interval>
    <condition_timeout>2.5</condition_timeout>
    <unix-socket-mode>0600</unix-socket-mode>
    <connection-spec>unix:/tmp/a&amp;b</connection-spec>
    <daemon>true</daemon>
  </manager>
  <milters>
    <milter><name>a</name><description>&#x41;&#66; <![CDATA[<c>]]></description>
      <enabled>yes</enabled></milter>
    <milter><name>b</name><connection-spec></connection-spec><command-options/>
      <fallback-status>reject</fallback-status><evaluation-mode>true</evaluation-mode>
      <applicable-conditions>
        <applicable-condition>Never</applicable-condition>
      </applicable-conditions></milter>
  </milters>
</configuration>'
    assert_success
    assert_shown "# $CUSTOM:7
manager.maintenance_interval = 25"
    assert_shown "# $CUSTOM:8
manager.condition_timeout = 2.5"
    assert_shown "manager.unix_socket_mode = 0600"
    assert_shown "manager.connection_spec = \"unix:/tmp/a&b\""
    assert_shown "manager.daemon = true"
    assert_shown "controller.connection_spec = \"unix:/tmp/controller\""
    assert_shown "  # $CUSTOM:14
  milter.description = \"AB <c>\""
    assert_shown "  milter.connection_spec = \"inet:1@127.0.0.1\""
    assert_shown "  # $CUSTOM:15
  milter.enabled = false"
    assert_shown "# $CUSTOM:16
define_milter(\"b\") do |milter|"
    assert_shown "  milter.fallback_status = \"reject\""
    assert_shown "  milter.evaluation_mode = true"
    assert_shown "  milter.applicable_conditions = [
    # $CUSTOM:19
    \"Never\",
  ]"
    # The conditions of a are gone, for its element has none.
    assert_shown "  # default
  milter.applicable_conditions = []"
}

@test "content that is no XML is ignored" {
    custom '
<wrong/>' # the first line decides
    assert_success
    custom 'manager.daemon = true'
    assert_success
    assert_shown "manager.daemon = false"
    custom ''
    assert_success
}

@test "a mistake is refused with its line and the path of its element" {
    refused '<configuration>
 <manager><n_worker>2</n_worker></manager>
</configuration>' 2 \
        'unknown element: /configuration/manager/n_worker (did you mean <n-workers>?)'
    refused '<configuration><log/></configuration>' 1 'unknown element: /configuration/log'
    refused '<config/>' 1 'unknown element: /config (did you mean <configuration>?)'
    refused '  <configuration><milters>
<milter><name>b</name><spec>x</spec></milter></milters></configuration>' 2 \
        'unknown element: /configuration/milters/milter/spec'
    refused '<configuration><milters><milter/></milters></configuration>' 1 \
        '/configuration/milters/milter: one <name> is needed'
    refused '<configuration><manager>
<chunk-size>0</chunk-size></manager></configuration>' 2 \
        '/configuration/manager/chunk-size: manager.chunk_size should be an integer from 1 to 65535 but was 0'
    refused '<configuration><manager>
<daemon>perhaps</daemon></manager></configuration>' 2 \
        '/configuration/manager/daemon: manager.daemon should be one of [true, false] but was "perhaps"'
    refused '<configuration><milters><milter><name>b</name><applicable-conditions>
<applicable-condition>No</applicable-condition></applicable-conditions></milter></milters></configuration>' 2 \
        '/configuration/milters/milter/applicable-conditions/applicable-condition: applicable condition should be one of ["Never"] but was "No"'
    refused '<configuration>text</configuration>' 1 \
        '/configuration: text should stand in its elements only'
    refused '<configuration><manager><pid-file><x/></pid-file></manager></configuration>' 1 \
        'unknown element: /configuration/manager/pid-file/x (/configuration/manager/pid-file should hold text)'
}

@test "what is no well-formed XML is refused with its line" {
    refused '<configuration>
<manager>' 3 '<manager> of line 2 is not closed'
    refused '<configuration><manager>
</configuration>' 2 '</configuration> does not close <manager> of line 1'
    refused '<configuration>&nbsp;</configuration>' 1 '&nbsp; is not known'
    refused '<configuration>a & b</configuration>' 1 '"&" should be written &amp;'
    refused '<configuration>&#xD800;</configuration>' 1 '&#xD800; is not a character'
    refused '<configuration>&#0;</configuration>' 1 '&#0; is not a character'
    refused '<configuration/><x/>' 1 'nothing may stand behind </configuration>'
    refused '<configuration x/>' 1 '<configuration: an attribute is malformed'
    refused '<!DOCTYPE x [<!ENTITY y "z">]><configuration/>' 1 \
        'the name of an element is expected'
    refused '<' 1 'the name of an element is expected'
    refused "$(printf '<a>%.0s' {1..40})" 1 '<a>: elements stand too deep in each other'
    printf '<configuration>\xff</configuration>' >"$CUSTOM"
    show
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $CUSTOM:1: it is not UTF-8"
}

@test "a large custom file is read quickly" {
    {
        echo '<configuration><milters>'
        for i in $(seq 2000); do
            echo "<milter><name>m$i</name><description>ä</description><connection-spec>inet:1@127.0.0.1</connection-spec></milter>"
        done
        echo '</milters></configuration>'
    } >"$CUSTOM"
    run --separate-stderr timeout 20 "$MANAGER" --config-dir "$DIR" --show-config
    assert_success
    assert_shown "define_milter(\"m2000\") do |milter|"
}

@test "the home of the effective user gets the custom directory" {
    [[ $(id -u) -eq 0 ]] || skip "needs root"
    local home user=mmtest$$
    home=$BATS_TEST_TMPDIR/home
    chmod 755 "$BATS_TEST_TMPDIR"
    useradd --no-create-home --home-dir "$home" --shell /bin/false "$user"
    CREATED_USER=$user
    echo "security.effective_user = \"$user\"" >>"$DIR/milter-manager.conf"
    show
    assert_success # there is no such home
    install -d -o "$user" "$home"
    show
    assert_success
    run stat -c '%a %U %F' "$home/.milter-manager"
    assert_output "700 $user directory"
    echo '<configuration><manager><daemon>true</daemon></manager></configuration>' \
        >"$home/.milter-manager/milter-manager.custom.conf"
    show
    assert_shown "manager.daemon = true"
}

# a_directory_of_nobody : a custom directory that the later user may write to
a_directory_of_nobody() {
    [[ $(id -u) -eq 0 ]] || skip "needs root"
    THEIRS=$BATS_TEST_TMPDIR/theirs
    THEIR_CUSTOM=$THEIRS/milter-manager.custom.conf
    mkdir -p "$THEIRS/applicable-conditions"
    chown nobody "$THEIRS"
    cat >>"$DIR/milter-manager.conf" <<END
security.effective_user = "nobody"
manager.custom_configuration_directory = "$THEIRS"
load("applicable-conditions/*.conf")
load_if_exist("milter-manager.local.conf")
END
}

@test "root evaluates no Ruby of the user whom it becomes" {
    a_directory_of_nobody
    mkdir "$DIR/applicable-conditions"
    touch "$DIR/applicable-conditions/ours.conf"
    echo 'manager.daemon = true' | tee "$THEIRS/milter-manager.local.conf" \
        >"$THEIRS/applicable-conditions/theirs.conf"
    show
    assert_success
    assert_shown "manager.daemon = false"
    output=$stderr
    assert_output --partial "$THEIRS/milter-manager.local.conf is not read: nobody may write to that directory, and the program was started by somebody else; move it to the directory of milter-manager.conf"
    assert_output --partial "$THEIRS/applicable-conditions/theirs.conf is not read: "
    chown root "$THEIRS"
    chmod 777 "$THEIRS"
    show
    assert_shown "manager.daemon = false"
    chmod 755 "$THEIRS"
    show
    assert_shown "manager.daemon = true"
    refute [ -n "$stderr" ]
}

@test "root is told no user and group by the user whom it becomes" {
    a_directory_of_nobody
    echo '<configuration><manager><daemon>true</daemon></manager></configuration>' >"$THEIR_CUSTOM"
    show
    assert_success
    assert_shown "manager.daemon = true"
    echo '<configuration><security><effective-user/></security></configuration>' >"$THEIR_CUSTOM"
    show
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $THEIR_CUSTOM:1: /configuration/security is refused: nobody may write this file, and the program was started by somebody else; write it into milter-manager.conf"
}

@test "a custom file that is no file holds up nothing" {
    a_directory_of_nobody
    ln -s /etc/shadow "$THEIR_CUSTOM"
    show
    assert_equal "$stderr" "milter-manager: $THEIR_CUSTOM: it should not be a link"
    rm "$THEIR_CUSTOM"
    mkfifo "$THEIR_CUSTOM"
    run --separate-stderr timeout 20 "$MANAGER" --config-dir "$DIR" --show-config
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $THEIR_CUSTOM: it should be a regular file"
    rm "$THEIR_CUSTOM"
    truncate -s 1T "$THEIR_CUSTOM"
    run --separate-stderr timeout 20 "$MANAGER" --config-dir "$DIR" --show-config
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $THEIR_CUSTOM: it has more than 67108864 bytes"
}

@test "a mark of UTF-8 may stand before the custom file" {
    custom $'\xef\xbb\xbf<configuration><manager><daemon>true</daemon></manager></configuration>'
    assert_success
    assert_shown "manager.daemon = true"
}
